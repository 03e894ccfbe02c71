package h323

import (
	"time"

	"github.com/rs/zerolog"
)

// journal writes one line a minute about what went wrong, if anything did.
type journal struct {
	next time.Time
	last Counters
}

const journalEvery = time.Minute

func (j *journal) due(now time.Time) bool {
	if j.next.IsZero() {
		j.next = now.Add(journalEvery)
	}
	return !now.Before(j.next)
}

func (j *journal) write(log *zerolog.Logger, c Counters, now time.Time) {
	was := j.last
	j.last, j.next = c, now.Add(journalEvery)
	grown := []struct {
		name      string
		was, this uint64
	}{
		{"undecodable", was.Undecodable, c.Undecodable},
		{"throttled", was.Throttled, c.Throttled},
		{"wrong_token", was.TokenWrong, c.TokenWrong},
		{"no_token", was.TokenMissing, c.TokenMissing},
		{"token_time", was.TokenTime, c.TokenTime},
		{"token_replayed", was.TokenReplayed, c.TokenReplayed},
		{"token_not_ours", was.TokenNotOurs, c.TokenNotOurs},
		{"duplicate_alias", was.DuplicateAlias, c.DuplicateAlias},
		{"wrong_gatekeeper", was.WrongGatekeeper, c.WrongGatekeeper},
		{"full", was.Full, c.Full},
		{"unanswerable", was.Unanswerable, c.Unanswerable},
		{"no_sequence_number", was.OutOfNumbers, c.OutOfNumbers},
		{"read_errors", was.ReadErrors, c.ReadErrors},
		{"write_errors", was.WriteErrors, c.WriteErrors},
		{"panics", was.Panics, c.Panics},
	}
	event := log.Warn()
	any := false
	for _, g := range grown {
		if g.this > g.was {
			any = true
			event = event.Uint64(g.name, g.this-g.was)
		}
	}
	if any {
		event.Msg("RAS: messages that were refused or dropped in the last minute")
	}
}
