// Package tone makes and recognises the sound of the simulated phones: each
// sends one sine wave of a frequency of its own, as G.711 µ-law frames of 20 ms,
// and says of each frame that it hears which frequency it is. So a voice path is
// judged by what is heard at its far end, and not by packets that arrived.
//
//	Hz ─▶ Frames ─▶ (network) ─▶ Decode ─▶ Detector.Hear ─▶ Hz, 0 for no tone
//
// It knows nothing of RTP, calls or time.
package tone
