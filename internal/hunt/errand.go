package hunt

// An errand is a run that an idle worker makes for the proof that it waits for.
type errand struct {
	plan   *Plan
	answer chan<- answer
}

// answer is how a run ended: err tells why it could not be carried out.
type answer struct {
	report *Report
	err    error
}

// carry has a worker make a run.
func carry(w *Worker, p *Plan) answer {
	r, err := w.Run(p)
	if err == nil && r.Err != "" {
		err = &RunError{r.Kind, r.Err}
	}
	return answer{r, err}
}

// ask hands a run to a worker that waits, if there is one at this moment.
func (h *hunt) ask(p *Plan) (<-chan answer, bool) {
	a := make(chan answer, 1)
	select {
	case h.errands <- errand{p, a}:
		return a, true
	default:
		return nil, false
	}
}

// help runs errands until the proof has ended.
func (h *hunt) help(w *Worker, settled <-chan struct{}) {
	for {
		select {
		case e := <-h.errands:
			e.answer <- carry(w, e.plan)
		case <-settled:
			return
		}
	}
}

// beginProof is told, with mu held, when a worker goes to prove a race. If one race
// is enough, the others wait for it.
func (h *hunt) beginProof() {
	h.proving++
	h.settled = make(chan struct{})
}

// endProof is told when a proof has ended, well or not.
func (h *hunt) endProof() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.proving--
	if h.proving == 0 {
		close(h.settled)
	}
}
