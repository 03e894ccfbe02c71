package interop

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"roost/cmd/roost/console/api"
)

// TestInterop_SippSubscribes lets sipp subscribe to its registration's state (RFC 3680)
// and take the NOTIFYs, so that tshark sees requests of roost and their XML too.
func TestInterop_SippSubscribes(t *testing.T) {
	t.Parallel()
	needTool(t, "sipp")
	scenario, err := filepath.Abs("testdata/subscribe.xml")
	if err != nil {
		t.Fatal(err)
	}
	s := newSite(t)
	s.write("london", "", []string{"201"})
	// The scenario's SUBSCRIBE goes to the domain, not to the number: sipp has one URI
	// for all digests of a run (-auth_uri), and it must be the Request-URI.
	s.file("user.csv", "SEQUENTIAL\n201;[authentication username=201 password=secret201]\n")
	london := s.serve("london")
	lo := s.capture()
	sipp := start(t, s.dir, "sipp", london.address+":5060", "-sf", scenario, "-inf", "user.csv",
		"-i", s.net+"50", "-bind_local", "-auth_uri", "example.test", "-m", "1", "-nd", "-nostdin",
		"-trace_err", "-error_file", "errors.log", "-timeout", "20s", "-timeout_error")
	if err := sipp.wait(40 * time.Second); err != nil {
		complaint, _ := os.ReadFile(filepath.Join(s.dir, "errors.log")) // there only if it had something to say
		t.Fatalf("sipp: %v\n%s", err, complaint[:min(len(complaint), 2000)])
	}
	london.until(5*time.Second, "two NOTIFYs were taken", func(status api.Status) bool {
		return status.Counters["sip_notified"] == 2 && status.Counters["sip_notify_failed"] == 0
	})
	lo.judge(t, 8, london.address) // thrice a challenge and a 200, two NOTIFYs
}
