// Package interop holds tests of a running roost with programs that nobody here
// wrote: sipp, baresip, linphonec, sipsak and Chromium with JsSIP as phones, tshark and
// libsrtp as judges of what roost sends. It has no code besides its tests, and knows of
// roost only what an administrator knows: the program, its configuration file and the
// HTTP API.
//
// Each test makes a site of its own: certificates, one or two systems as processes
// on addresses of one 127.x.y.0/24, and a capture of what passes there over UDP and on
// ports 5060, 5061 and 8443, the last two with the keys of the connections (roost serve
// --key-log, in a lab only). When the traffic is over, every message that came from a
// system, and every packet from its relay, must be dissected by tshark without a
// complaint (capture_test.go says which, pcap_test.go proves that what is broken is
// caught). A call has succeeded when each end has heard the tone of the other: in what
// it decoded and wrote into a WAV file (talker_test.go, linphone_test.go), or by its own
// word.
//
// A program that is missing is installed by .ci/tools where that may be; where it may
// not, the tests that need it are skipped with the reason, and fail under CI=true.
// What was measured stands in docs/interoperability.md.
package interop
