//go:build safefile_norevalidation

package safefile

const revalidate = false
