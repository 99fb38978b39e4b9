//go:build !undefended

// Package defence lets tests build an engine without its defences, which shows that their attacks
// would be noticed. No setting and no request reaches it.
package defence

// On says that the defences hold.
const On = true
