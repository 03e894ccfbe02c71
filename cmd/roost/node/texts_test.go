package node

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"roost/cmd/roost/console/api"
)

// text sends a MESSAGE, and gives the final answer's status.
func (p *rawPhone) text(to, body string) int {
	p.t.Helper()
	p.callID++
	uri := "sip:" + to + "@example.test"
	m, _ := p.proven("MESSAGE", uri, "<"+uri+">", p.self(), fmt.Sprintf("text-%s-%d@%s", p.number, p.callID, p.at()), body)
	return m.status()
}

// takes has the phone answer a MESSAGE in the background, and gives what came.
func (p *rawPhone) takes(status int) <-chan rawMessage {
	came := make(chan rawMessage, 1)
	go func() {
		m, ok := p.within(5*time.Second, func(m rawMessage) bool { return m.request("MESSAGE") })
		if ok {
			c := &rawCall{p: p, local: m.get("To") + ";tag=text"}
			c.reply(m, status, "Taken", "")
		}
		came <- m
	}()
	return came
}

// A message outside of a call goes to the phones of a number, here and at other systems,
// with who sent it; whoever is asked answers for himself.
func TestTexts_ToPhonesHereAndAtAnotherSystem(t *testing.T) {
	s := newSite(t)
	ada, eve, london, _ := s.both()
	ben := s.rawPhone("202", "102", "london")
	if status := ben.register(); status != 200 {
		t.Fatal(status)
	}
	for _, c := range []struct {
		to     *rawPhone
		answer int
		want   int
	}{{ben, 200, 200}, {ben, 202, 202}, {ben, 415, 415}, {eve, 200, 200}, {eve, 480, 480}} {
		came := c.to.takes(c.answer)
		got := ada.text(c.to.number, "good morning")
		m := <-came
		if got != c.want || !strings.Contains(m.get("From"), "sip:201@example.test") || m.body != "good morning" {
			t.Errorf("to %s, which answers %d: %d; it got %q from %s", c.to.number, c.answer, got, m.body, m.get("From"))
		}
	}
	for to, want := range map[string]int{"299": 404, "112": 404, "0044123456": 404} {
		if got := ada.text(to, "hello"); got != want {
			t.Errorf("to %s: %d, want %d", to, got, want)
		}
	}
	if got := ada.text("202", strings.Repeat("x", 9<<10)); got != 413 {
		t.Errorf("too long: %d", got)
	}
	if london.voice.board.Standing() != 0 {
		t.Error("a message made a call")
	}
}

// A number whose phone is not registered anywhere cannot be reached now.
func TestTexts_NobodyRegistered(t *testing.T) {
	s := newSite(t)
	ada, _, london, _ := s.both()
	s.until("london", "202 has no phone", func(api.Status) bool {
		_, own := london.directory().Extension("202")
		return own
	})
	if got := ada.text("202", "hello"); got != 480 {
		t.Errorf("%d", got)
	}
}
