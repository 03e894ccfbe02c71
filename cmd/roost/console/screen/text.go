package screen

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// The ANSI sequences that the screen uses.
const (
	bold   = "\x1b[1m"
	red    = "\x1b[31m"
	green  = "\x1b[32m"
	yellow = "\x1b[33m"
	reset  = "\x1b[0m"
)

func stateColour(state string) string {
	switch state {
	case "SYNCED":
		return green
	case "COLD", "SERVING":
		return red
	default:
		return yellow
	}
}

func (d *drawing) paint(colour, text string) string {
	if !d.Colour || text == "" {
		return text
	}
	return colour + text + reset
}

func (d *drawing) title(text string) {
	d.out.WriteByte('\n')
	d.row("%s", d.paint(bold, text))
}

// row writes one line, cut at the width. What comes from the network (names,
// user agents) must not move the cursor, so control characters become dots.
func (d *drawing) row(format string, arguments ...any) {
	d.out.WriteString(cut(fmt.Sprintf(format, arguments...), d.Width, d.Colour))
	d.out.WriteByte('\n')
}

// paragraph writes text after lead, broken between words at the width: a reason
// that is cut off is no reason. Further rows begin at column indent. Each row is
// painted by itself, so that colours end with it.
func (d *drawing) paragraph(lead string, indent int, colour, text string) {
	taken := utf8.RuneCountInString(uncoloured(lead))
	var line []string
	flush := func() {
		d.row("%s%s", lead, d.paint(colour, strings.Join(line, " ")))
		lead, taken, line = strings.Repeat(" ", indent), indent, nil
	}
	for word := range strings.FieldsSeq(text) {
		length := utf8.RuneCountInString(word)
		if len(line) > 0 && taken+length > d.Width {
			flush()
		}
		line, taken = append(line, word), taken+length+1
	}
	flush()
}

func uncoloured(text string) string {
	for _, sequence := range [...]string{bold, red, green, yellow, reset} {
		text = strings.ReplaceAll(text, sequence, "")
	}
	return text
}

// cut keeps width visible characters of text. ANSI colours count for nothing and
// are closed again if the text ends inside one.
func cut(text string, width int, colour bool) string {
	var out strings.Builder
	seen, painted := 0, false
	for len(text) > 0 {
		if sequence := ansi(text); colour && sequence != "" {
			out.WriteString(sequence)
			painted = sequence != reset
			text = text[len(sequence):]
			continue
		}
		r, size := utf8.DecodeRuneInString(text)
		text = text[size:]
		if r < ' ' || r == 0x7f || (r >= 0x80 && r < 0xa0) {
			r = '.'
		}
		if seen == width-1 && len(text) > 0 && text != reset {
			out.WriteRune('…')
			break
		}
		out.WriteRune(r)
		seen++
	}
	if painted {
		out.WriteString(reset)
	}
	return out.String()
}

// ansi returns the colour sequence of ours that text begins with, if it does.
func ansi(text string) string {
	for _, sequence := range [...]string{bold, red, green, yellow, reset} {
		if strings.HasPrefix(text, sequence) {
			return sequence
		}
	}
	return ""
}

func pad(text string, width int) string {
	if missing := width - utf8.RuneCountInString(text); missing > 0 {
		return text + strings.Repeat(" ", missing)
	}
	return text
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

func ago(now, then time.Time) string { return span(now.Sub(then).Seconds()) }

// span writes seconds as people say them: 0.4 s, 12 s, 2:05, 3 h 04 min, 12 d 3 h.
func span(seconds float64) string {
	d := time.Duration(seconds * float64(time.Second))
	switch {
	case d < 10*time.Second:
		return fmt.Sprintf("%.1f s", d.Seconds())
	case d < time.Minute:
		return fmt.Sprintf("%.0f s", d.Seconds())
	case d < time.Hour:
		return fmt.Sprintf("%d:%02d", d/time.Minute, d%time.Minute/time.Second)
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h %02d min", d/time.Hour, d%time.Hour/time.Minute)
	default:
		return fmt.Sprintf("%d d %d h", d/(24*time.Hour), d%(24*time.Hour)/time.Hour)
	}
}
