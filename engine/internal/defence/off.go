//go:build undefended

package defence

// On is false in the engine that tests of attacks build for comparison, and never anywhere else.
const On = false
