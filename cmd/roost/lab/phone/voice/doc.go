// Package voice keeps the books of one direction of one call's voice, as it is
// heard at its end: since when there is a voice, of which tone, where it had gaps
// and whether it is lost.
//
// It is pure: frames and times in, changes and an account out. A frame counts
// only if a tone was heard in it; packets alone are no voice.
package voice
