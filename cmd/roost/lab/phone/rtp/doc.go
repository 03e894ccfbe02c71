// Package rtp is the simulated phones' media: RTP (RFC 3550) with PCMU frames of
// 20 ms, digits as events (RFC 4733) and SRTP (RFC 3711, RFC 7714) over UDP
// sockets of each call's own.
//
// One Pump with one goroutine carries all calls of a process: it waits for
// packets by epoll, and each 5 ms sends a frame for a quarter of the streams. What
// comes in is listened to (package tone) and booked (package voice); changes go to
// the Pump's observer.
//
//	Stream.Set ─▶ tone frames ─▶ seal ─▶ socket ─▶ open ─▶ tone.Detector ─▶ voice.Path ─▶ Event
//
// It shares no code with roost's own relay, and knows nothing of SIP.
package rtp
