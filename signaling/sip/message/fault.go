package message

import "fmt"

// Fault is what is wrong with a message, and the answer that says so.
type Fault struct {
	// Status is the answer's code, 400 to 513; 0 where nothing must be answered
	// (a malformed response, an ACK, nothing to address an answer by).
	Status int
	// Reason is the answer's phrase: it names the header that is wrong.
	Reason string
	// Header is what the answer must carry besides (Unsupported, Require, Allow …).
	Header []HeaderLine
	// Close tells that a stream cannot be trusted after this message: close it once
	// the answer is written.
	Close bool
}

// HeaderLine is one header line of an answer.
type HeaderLine struct{ Name, Value string }

// Error gives status and phrase, for logs.
func (f *Fault) Error() string { return fmt.Sprintf("%d %s", f.Status, f.Reason) }

func bad(reason string) *Fault { return &Fault{Status: 400, Reason: reason} }
