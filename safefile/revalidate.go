//go:build !safefile_norevalidation

package safefile

// revalidate is off only in programs that show what happens without it.
const revalidate = true
