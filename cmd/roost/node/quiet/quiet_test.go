package quiet

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"
)

// A flood of one kind costs a few lines, other kinds are told all the same, and the next
// line says how many were held back.
func TestLog_AFloodIsHeldBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		l := New(zerolog.New(&out))
		for range 1000 {
			l.Warn("flood").Msg("again")
		}
		l.Info("other").Msg("once")
		if n := strings.Count(out.String(), "again"); n != lines {
			t.Errorf("%d lines of 1,000", n)
		}
		if !strings.Contains(out.String(), `"level":"info","message":"once"`) {
			t.Errorf("the other kind: %s", out.String())
		}
		<-time.After(span) // of the bubble's clock
		l.Warn("flood").Msg("later")
		if want := fmt.Sprintf(`{"level":"warn","held_back":%d,"message":"later"}`, 1000-lines); !strings.Contains(out.String(), want) {
			t.Errorf("%s, want %s", out.String(), want)
		}
	})
}

// Kinds that somebody makes up without end do not make it grow.
func TestLog_KindsAreBounded(t *testing.T) {
	var out bytes.Buffer
	l := New(zerolog.New(&out))
	for i := range 10_000 {
		l.Info(fmt.Sprint(i)).Msg("x")
	}
	if len(l.kinds) > maxKinds+1 || bytes.Count(out.Bytes(), []byte("\n")) > maxKinds+lines {
		t.Errorf("%d kinds, %d lines", len(l.kinds), bytes.Count(out.Bytes(), []byte("\n")))
	}
}
