package phone

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"sync"
)

// maxCommand bounds one command line, in bytes.
const maxCommand = 4096

// Serve runs a fleet until ctx ends, a command says quit, or the commands end:
// Commands come in and Reports go out as JSON, one object a line. A last report,
// "summary", has the totals as its text. A bad command is answered with a line
// {"error": …} and changes nothing.
func Serve(ctx context.Context, setup Setup, commands io.Reader, out io.Writer) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	lines := &lineWriter{encoder: json.NewEncoder(out), broken: cancel}
	fleet, err := Start(ctx, setup, func(r Report) { lines.write(r) })
	if err != nil {
		return err
	}
	read := make(chan error, 1)
	go func() { // ends with its input; the program's standard input ends with the program
		read <- obey(ctx, fleet, commands, lines)
	}()
	select {
	case <-ctx.Done():
		err = lines.failed()
	case err = <-read:
	}
	total := fleet.Stop()
	lines.write(Report{Event: Summary, Text: fmt.Sprintf(
		"%d requests, %d retransmissions, %d refreshes, %d refusals, %d without an answer",
		total.Sent, total.Retransmitted, total.Refreshed, total.Refused, total.Unanswered)})
	return err
}

// obey carries out commands until quit or their end.
func obey(ctx context.Context, fleet *Fleet, commands io.Reader, lines *lineWriter) error {
	scanner := bufio.NewScanner(commands)
	scanner.Buffer(make([]byte, 0, maxCommand), maxCommand)
	for scanner.Scan() {
		if len(scanner.Bytes()) == 0 {
			continue
		}
		var command Command
		err := json.Unmarshal(scanner.Bytes(), &command)
		if err == nil && command.Do == "quit" {
			return nil
		}
		if err == nil {
			err = fleet.Do(ctx, command)
		}
		if err != nil {
			lines.write(map[string]string{"error": err.Error()})
		}
	}
	return scanner.Err()
}

// lineWriter writes one object at a time; a reader that is gone ends the fleet.
type lineWriter struct {
	mutex   sync.Mutex
	encoder *json.Encoder
	err     error
	broken  func()
}

func (w *lineWriter) write(object any) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	if w.err != nil {
		return
	}
	if w.err = w.encoder.Encode(object); w.err != nil {
		w.broken()
	}
}

func (w *lineWriter) failed() error {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	return w.err
}
