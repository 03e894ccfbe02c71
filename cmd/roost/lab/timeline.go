package lab

import (
	"fmt"
	"io"
	"strings"
	"time"
)

const columns = 100 // widest line

// timeline keeps the entries and shows them as they come.
type timeline struct {
	out      io.Writer // nil shows nothing
	terminal bool
	speed    int
	entries  []Entry
	dirty    bool // a progress line stands at the cursor
}

// maxEntries bounds a timeline; what comes later is not kept.
const maxEntries = 20_000

// add puts an entry at a rule time.
func (t *timeline) add(at time.Duration, subject, text string) {
	entry := Entry{At: seconds(at), Real: seconds(at / time.Duration(t.speed)), Subject: subject, Text: text}
	if len(t.entries) < maxEntries {
		t.entries = append(t.entries, entry)
	}
	if t.out == nil {
		return
	}
	t.wipe()
	lead := fmt.Sprintf("%9s %7.1fs  %-8s ", clock(at), entry.Real, subject)
	for i, line := range wrap(text, columns-len(lead)) {
		if i > 0 {
			lead = strings.Repeat(" ", len(lead))
		}
		fmt.Fprintln(t.out, t.paint(subject, lead, line))
	}
}

// paint colours a line on a terminal: faults red, what the lab checks green.
func (t *timeline) paint(subject, lead, text string) string {
	colour := map[string]string{"lab": "1", "held": "32", "FAILED": "1;31", "alarm": "31"}[subject]
	if !t.terminal || colour == "" {
		return lead + text
	}
	return "\x1b[" + colour + "m" + lead + text + "\x1b[0m"
}

// progress shows what is waited for, over itself; on a terminal only.
func (t *timeline) progress(at time.Duration, done float64, text string) {
	if t.out == nil || !t.terminal {
		return
	}
	const width = 20
	full := min(width, max(0, int(done*width)))
	line := fmt.Sprintf("%9s [%s%s] %s", clock(at), strings.Repeat("#", full), strings.Repeat(".", width-full), text)
	if runes := []rune(line); len(runes) > columns-1 {
		line = string(runes[:columns-2]) + "…"
	}
	fmt.Fprint(t.out, "\r\x1b[K\x1b[2m"+line+"\x1b[0m")
	t.dirty = true
}

func (t *timeline) wipe() {
	if t.dirty {
		fmt.Fprint(t.out, "\r\x1b[K")
		t.dirty = false
	}
}

// clock writes rule time as m:ss.t, or h:mm:ss.t.
func clock(d time.Duration) string {
	d = d.Round(100 * time.Millisecond)
	h, m, s := int(d/time.Hour), int(d/time.Minute)%60, (d % time.Minute).Seconds()
	if h > 0 {
		return fmt.Sprintf("%d:%02d:%04.1f", h, m, s)
	}
	return fmt.Sprintf("%d:%04.1f", m, s)
}

// brief writes a time for people: 2m45s, 9.5s.
func brief(d time.Duration) string {
	if d < time.Second {
		return d.Round(time.Millisecond).String()
	}
	if d < 10*time.Second {
		return d.Round(100 * time.Millisecond).String()
	}
	text := d.Round(time.Second).String()
	if strings.HasSuffix(text, "m0s") {
		return strings.TrimSuffix(text, "0s")
	}
	return text
}

// wrap breaks a text at spaces.
func wrap(text string, width int) []string {
	var lines []string
	for paragraph := range strings.SplitSeq(text, "\n") {
		line := ""
		for _, word := range strings.Fields(paragraph) {
			if line != "" && len(line)+1+len(word) > width {
				lines = append(lines, line)
				line = ""
			}
			for len(word) > width { // a path, say
				lines = append(lines, word[:width])
				word = word[width:]
			}
			if line != "" {
				line += " "
			}
			line += word
		}
		lines = append(lines, line)
	}
	return lines
}
