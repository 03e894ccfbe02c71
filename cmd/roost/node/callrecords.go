package node

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"sync"
	"sync/atomic"

	"github.com/rs/zerolog"

	"roost/signaling/call"
)

// recordFile writes a JSON line for each call. Calls never wait for the disk: what it
// does not take in time is counted and lost.
type recordFile struct {
	log     zerolog.Logger
	waiting chan call.Record
	written atomic.Uint64
	lost    atomic.Uint64

	mu   sync.Mutex
	path string
	file *os.File
}

// maxRecordsWaiting is how many records may wait for the disk.
const maxRecordsWaiting = 4096

// openRecords opens the file, or none for an empty path.
func openRecords(path string, log zerolog.Logger) (*recordFile, error) {
	f := &recordFile{log: log, waiting: make(chan call.Record, maxRecordsWaiting)}
	return f, f.reopen(path)
}

// reopen begins a new file where the old one was moved away, or another path. The old
// one stays where that fails.
func (f *recordFile) reopen(path string) error {
	var file *os.File
	if path != "" {
		var err error
		if file, err = os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o640); err != nil {
			return fmt.Errorf("calls.records: %w", err)
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.file != nil {
		_ = f.file.Close()
	}
	f.path, f.file = path, file
	return nil
}

// put takes a record; it does not wait.
func (f *recordFile) put(r call.Record) {
	select {
	case f.waiting <- r:
	default:
		f.lost.Add(1)
	}
}

// run writes until ctx ends, and then what still waits.
func (f *recordFile) run(ctx context.Context) {
	defer f.close()
	for {
		select {
		case r := <-f.waiting:
			f.write(r)
		case <-ctx.Done():
			for {
				select {
				case r := <-f.waiting:
					f.write(r)
				default:
					return
				}
			}
		}
	}
}

func (f *recordFile) write(r call.Record) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.file == nil {
		return
	}
	w := bufio.NewWriter(f.file)
	err := json.NewEncoder(w).Encode(r)
	if err == nil {
		err = w.Flush()
	}
	if err != nil {
		f.lost.Add(1)
		f.log.Error().Err(err).Str("call", r.ID).Str("file", f.path).Msg("the record of a call could not be written")
		return
	}
	f.written.Add(1)
}

func (f *recordFile) close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.file != nil {
		_ = f.file.Close()
		f.file = nil
	}
}
