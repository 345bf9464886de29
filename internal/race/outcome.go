package race

var outcome = Info{
	Name:  "outcome",
	Title: "the result depends on the order, and no other rule says why",
	Fires: "The exit status, or that of --check, was different under another order of the same operations, and no other finding explains it.",
	Harm:  "The program or its result is right or wrong by luck: right on a quiet machine, wrong on a busy one.",
	Safe: "A program whose exit status and results are the same in every order. Where several results are all right, let --check accept " +
		"each of them.",
	Wrong: `./producer &
./consumer            # reads what the producer may not have written yet
wait`,
	Right: `./producer
./consumer`,
	Source: "Netzer and Miller, What Are Race Conditions?, LOPLAS 1(1), 1992: general races",
}
