package litmus

// Why file systems differ over reads and writes at once, by type.
var (
	whyWritesMix   = map[string]string{}
	whyReadsMix    = map[string]string{}
	whyCachedLands = map[string]string{}
)
