package node

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rs/zerolog"

	"roost/signaling/call"
)

// The file of records can be moved away and begun anew; what the disk does not take is
// counted, and no call waits for it.
func TestRecordFile_IsBegunAnew(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "calls")
	f, err := openRecords(path, zerolog.Nop())
	if err != nil {
		t.Fatal(err)
	}
	lines := func(name string) int {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		return bytes.Count(text, []byte("\n"))
	}
	f.write(call.Record{ID: "1"})
	if err := os.Rename(path, path+".1"); err != nil {
		t.Fatal(err)
	}
	f.write(call.Record{ID: "2"}) // still into the file that was moved
	if err := f.reopen(path); err != nil {
		t.Fatal(err)
	}
	f.write(call.Record{ID: "3"})
	if old, fresh := lines("calls.1"), lines("calls"); old != 2 || fresh != 1 {
		t.Errorf("%d lines in the old file, %d in the new", old, fresh)
	}
	if err := f.reopen(filepath.Join(dir, "nowhere", "calls")); err == nil || !strings.Contains(err.Error(), "calls.records") {
		t.Errorf("a folder that is not there: %v", err)
	}
	f.write(call.Record{ID: "4"}) // the old file stays in use

	for range maxRecordsWaiting + 5 {
		f.put(call.Record{ID: "many"})
	}
	if lost := f.lost.Load(); lost != 5 {
		t.Errorf("%d records are lost, not 5", lost)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	f.run(ctx) // the end writes what waits
	if n := lines("calls"); n != 2+maxRecordsWaiting || f.written.Load() != uint64(4+maxRecordsWaiting) {
		t.Errorf("%d lines, %d written", n, f.written.Load())
	}
}
