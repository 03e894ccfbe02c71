package interop

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// capture is what passed over UDP and on the SIP ports between the addresses of a site.
type capture struct {
	recording
	net     string // "127.x.y."
	dumpcap *program
	voice   int // packets of RTP that the systems must have sent at least
}

// recording is a capture file.
type recording struct {
	path, keys string // the keys are those of the TLS connections in it; "" for none
	// sealed are the addresses to which the systems send SRTP. tshark does not decrypt
	// it, and takes SRTCP for RTCP that is broken.
	sealed []string
}

// sipPort is where the systems send from, over UDP and over the connections that they
// took; sipsPort the same for TLS, wssPort for WSS. What is sent from these two is read
// with the keys that `roost serve --key-log` writes.
const (
	sipPort  = 5060
	sipsPort = 5061
	wssPort  = 8443
)

// mediaPorts are those of the systems' relays, as in a configuration and as in a filter
// of tshark's.
const (
	mediaPorts   = "21000-21099"
	inMediaPorts = "{21000..21099}"
	asMediaOfRTP = "udp.port==" + mediaPorts + ",rtp"
)

// keyLog is where a site's systems write their keys, for serve.
func (s *site) keyLog() string { return filepath.Join(s.dir, "keys.log") }

// capture starts to record. Where that may not be, it gives nil, and judge says so.
func (s *site) capture() *capture {
	s.t.Helper()
	if os.Geteuid() != 0 {
		return nil
	}
	if _, err := exec.LookPath("dumpcap"); err != nil {
		return nil
	}
	c := &capture{recording: recording{path: filepath.Join(s.dir, "lo.pcapng")}, net: s.net}
	if _, err := os.Stat(s.keyLog()); err == nil {
		c.keys = s.keyLog()
	}
	filter := fmt.Sprintf("net %s0/24 and (udp or port %d or port %d or port %d)", s.net, sipPort, sipsPort, wssPort)
	c.dumpcap = start(s.t, s.dir, "dumpcap", "-q", "-i", "lo", "-B", "64", "-a", "duration:300", "-f", filter, "-w", c.path)
	c.passed(s.t, "begin")
	return c
}

// passed waits until a datagram of our own is in the file, and with it all that was
// sent before: dumpcap begins some time after it was started, and writes in blocks.
func (c *capture) passed(t *testing.T, mark string) {
	t.Helper()
	from := &net.UDPAddr{IP: net.ParseIP(c.net + "98")}
	to := &net.UDPAddr{IP: net.ParseIP(c.net + "99"), Port: sipPort}
	until(t, 20*time.Second, "the capture shows the "+mark, func() (bool, string) {
		// A connection for each: an earlier one has had the answer that nobody listens.
		conn, err := net.DialUDP("udp", from, to)
		if err != nil {
			return false, err.Error()
		}
		defer conn.Close()
		if _, err := conn.Write([]byte(mark)); err != nil {
			return false, err.Error()
		}
		recorded, err := os.ReadFile(c.path)
		if err != nil {
			return false, err.Error()
		}
		return bytes.Contains(recorded[max(0, len(recorded)-64<<10):], []byte(mark)), fmt.Sprintf("%d bytes, %s", len(recorded), c.dumpcap.said())
	})
}

// judge ends the recording, and fails the subtest "tshark" for whatever tshark has
// against what the systems sent, or if they sent less messages than wanted.
func (c *capture) judge(t *testing.T, wanted int, from ...string) {
	t.Helper()
	t.Run("tshark", func(t *testing.T) {
		needTool(t, "tshark")
		needTool(t, "dumpcap")
		if c == nil {
			cannot(t, "capturing on lo needs root")
		}
		c.passed(t, "end of "+t.Name())
		if err := c.dumpcap.stop(15 * time.Second); err != nil {
			t.Fatalf("dumpcap: %v", err)
		}
		c.pass(t, wanted, from...)
		if c.voice > 0 {
			c.passVoice(t, c.voice, from...)
		}
		sealed := recording{path: c.path}
		if c.keys != "" && len(sealed.faults(t, from...)) == 0 {
			t.Error("the capture is as good without the keys: nothing was decrypted")
		}
	})
}

// pass is the verdict on a capture file.
func (r recording) pass(t *testing.T, wanted int, from ...string) {
	t.Helper()
	for _, fault := range r.faults(t, from...) {
		t.Errorf("roost sent what tshark complains of: %s", fault)
	}
	// Who answers so was asked within a dialog that it had ended, or never had.
	for _, stray := range r.dissect(t, fmt.Sprintf("ip.dst in {%s} && sip.Status-Code == 481", strings.Join(from, ", ")), "sip.CSeq", "sip.Call-ID") {
		t.Errorf("a request of roost was answered with 481: %s", stray)
	}
	sent := r.dissect(t, sentFrom(from)+" && sip", "sip.Status-Code", "sip.Method")
	if len(sent) < wanted {
		t.Errorf("%d SIP messages of roost were captured, at least %d were expected", len(sent), wanted)
	}
	kinds := map[string]int{}
	for _, line := range sent {
		for _, kind := range strings.Split(strings.TrimSpace(line), ",") {
			kinds[kind]++
		}
	}
	t.Logf("%d SIP messages of roost dissected: %v", len(sent), kinds)
}

// passVoice is the verdict on what the relays sent: RTP and RTCP, plain or encrypted,
// or what belongs to ICE and DTLS.
func (r recording) passVoice(t *testing.T, wanted int, from ...string) {
	t.Helper()
	for _, fault := range r.voiceFaults(t, from...) {
		t.Errorf("a relay sent what tshark complains of: %s", fault)
	}
	rtp, rtcp := 0, 0
	for _, line := range r.dissect(t, relayed(from)+" && (rtp || rtcp || srtcp)", "rtp.ssrc", "rtcp.pt") {
		if strings.HasPrefix(line, "0x") {
			rtp++
		} else {
			rtcp++
		}
	}
	if rtp < wanted {
		t.Errorf("%d RTP packets of relays were captured, at least %d were expected", rtp, wanted)
	}
	t.Logf("%d RTP packets of relays dissected, and %d of RTCP", rtp, rtcp)
}

func relayed(addresses []string) string {
	return fmt.Sprintf("ip.src in {%s} && udp.srcport in %s && !icmp", strings.Join(addresses, ", "), inMediaPorts)
}

// voiceFaults lists what relays sent that is not as it should be.
func (r recording) voiceFaults(t *testing.T, from ...string) []string {
	t.Helper()
	readable := ""
	if len(r.sealed) > 0 {
		readable = fmt.Sprintf(" && !((rtcp || srtcp) && ip.dst in {%s})", strings.Join(r.sealed, ", "))
	}
	filter := relayed(from) + " && ((_ws.malformed || _ws.expert.severity >= 6291456)" + readable +
		" || !(rtp || rtcp || srtcp || stun || dtls) || rtp && rtp.version != 2 || rtcp && rtcp.version != 2)"
	return r.dissect(t, filter, "frame.number", "_ws.expert.message", "_ws.col.Info")
}

// sentFrom selects the frames that carry what systems sent.
func sentFrom(addresses []string) string {
	return fmt.Sprintf("ip.src in {%s} && (udp.srcport == %d || tcp.srcport in {%d, %d, %d})", strings.Join(addresses, ", "), sipPort, sipPort, sipsPort, wssPort)
}

// complaints are display filters; no frame of a system may meet one.
func complaints() []string {
	// A segment that the kernel sent again is not dissected any further.
	const once = "!(tcp.analysis.retransmission || tcp.analysis.spurious_retransmission)"
	return []string{
		"_ws.malformed",
		"sip && _ws.expert.severity >= 6291456 && !tcp.analysis.flags", // 0x600000: a warning or an error
		// Of these tshark says nothing by itself.
		"sip && !(sip.Via.branch && sip.to.host && sip.from.host && sip.from.tag && sip.Call-ID && sip.Content-Length)",
		`sip && !(sip.CSeq matches "^[0-9]+ [A-Z]+$")`,
		// Neither SIP nor a keep-alive, and not a segment of a message that ends later.
		fmt.Sprintf("!sip && !stun && (udp.length > 12 || tcp.srcport == %d && tcp.len > 4 && !tcp.reassembled_in && %s)", sipPort, once),
		// The same within TLS, where a keep-alive is 24 or 31 bytes; and what is no TLS.
		fmt.Sprintf("tcp.srcport == %d && !sip && !tcp.reassembled_in && (tls.app_data && tcp.len > 31 || !tls && tcp.len > 0) && %s", sipsPort, once),
	}
}

// faults lists the frames of systems in a capture file that are not as they should be:
// number, what tshark's expert says, and the frame in short.
func (r recording) faults(t *testing.T, from ...string) []string {
	t.Helper()
	filter := sentFrom(from) + " && ((" + strings.Join(complaints(), ") || (") + "))"
	return r.dissect(t, filter, "frame.number", "_ws.expert.message", "_ws.col.Info")
}

// dissect gives a line for each frame that a display filter selects.
func (r recording) dissect(t *testing.T, filter string, fields ...string) []string {
	t.Helper()
	// In two passes: only then a segment knows in which frame its message ends.
	args := []string{"-2", "-n", "-r", r.path, "-Y", filter, "-T", "fields", "-d", asMediaOfRTP}
	if r.keys != "" {
		args = append(args, "-o", "tls.keylog_file:"+r.keys, "-o", fmt.Sprintf("http.tls.port:443,%d", wssPort))
	}
	for _, f := range fields {
		args = append(args, "-e", f)
	}
	var complaint bytes.Buffer
	cmd := exec.CommandContext(t.Context(), "tshark", args...)
	cmd.Stderr = &complaint
	output, err := cmd.Output()
	if err != nil {
		t.Fatalf("tshark -Y %q: %v\n%s", filter, err, complaint.String())
	}
	return strings.FieldsFunc(string(output), func(r rune) bool { return r == '\n' })
}
