package phone

import (
	"fmt"
	"net/netip"
	"syscall"
	"testing"
	"time"
)

// manyCalls sets up so many calls between twice as many phones of one process,
// and lets all talk for a while. It returns the voices' reports.
func manyCalls(t testing.TB, exchange *served, calls int, talk time.Duration) []*VoiceReport {
	t.Helper()
	setup := Setup{Domain: "example.test", Servers: []Server{exchange.server()}, Spread: time.Duration(calls) * 5 * time.Millisecond}
	for i := range 2 * calls {
		habits := Habits{}
		if i%2 == 1 {
			habits.Answers = ByItself
		}
		setup.Phones = append(setup.Phones, Spec{
			Number: fmt.Sprint(2001 + i), Password: password, Profile: "poly", Transport: "udp", Calls: habits,
			Address: netip.AddrFrom4([4]byte{127, 0, 1, byte(1 + i%250)}),
		})
	}
	p := gather(t, setup)
	for i := 0; i < 2*calls; i += 2 {
		p.phone(setup.Phones[i].Number).Call(setup.Phones[i+1].Number)
	}
	for i := range setup.Phones {
		p.hears(setup.Phones[i].Number, setup.Phones[i^1].Number)
	}
	for i := range setup.Phones {
		p.listens(setup.Phones[i].Number, milliseconds(talk))
	}
	var voices []*VoiceReport
	for i := range setup.Phones {
		p.phone(setup.Phones[i].Number).Report(0)
	}
	for i := range setup.Phones {
		voices = append(voices, p.wait(setup.Phones[i].Number, VoiceSoFar, nil).Voice)
	}
	p.fleet.Stop()
	return voices
}

// Twenty calls at once in one process: all hear each other, and nothing is lost.
func TestTwentyCallsAtOnce(t *testing.T) {
	exchange, _ := serveCalls(t)
	for i, v := range manyCalls(t, exchange, 20, time.Second) {
		if len(v.Tones) != 1 || v.VoiceMS < 800 || v.Missing+v.Bad+v.Silent+v.Echoed > 0 || v.Lost {
			t.Errorf("phone %d heard %+v", i, v)
		}
	}
}

// BenchmarkTwoHundredCalls is 400 phones in one process, 20,000 packets a second
// each way. cpu-% is of one core, with the exchange's part.
func BenchmarkTwoHundredCalls(b *testing.B) {
	for b.Loop() {
		exchange, _ := serveCalls(b)
		before, began := cpuTime(b), time.Now()
		voices := manyCalls(b, exchange, 200, 10*time.Second)
		used, took := cpuTime(b)-before, time.Since(began)
		heard, gaps, missing, longest, late := 0, 0, 0, 0, 0
		for _, v := range voices {
			heard += v.VoiceMS
			gaps += v.GapCount
			missing += v.Missing
			longest, late = max(longest, v.LongestMS), max(late, v.LateMS)
		}
		b.ReportMetric(float64(heard)/float64(len(voices))/1000, "s-voice/phone")
		b.ReportMetric(float64(gaps), "gaps")
		b.ReportMetric(float64(longest), "longest-gap-ms")
		b.ReportMetric(float64(missing), "missing")
		b.ReportMetric(float64(late), "late-ms")
		b.ReportMetric(100*used.Seconds()/took.Seconds(), "cpu-%")
	}
}

// cpuTime is what the process has used so far.
func cpuTime(t testing.TB) time.Duration {
	t.Helper()
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		t.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
