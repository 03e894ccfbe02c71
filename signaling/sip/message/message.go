package message

import "iter"

// Field is one header field: Value is unfolded and trimmed, Name as it was sent.
type Field struct {
	ID    HeaderID
	Name  string
	Value string
}

// Message is one SIP message as read by Parse. The zero value is ready for Parse and
// may be used again for the next message; strings taken from it stay good.
//
// Where Parse gave a Fault, what could be read is there nevertheless, so that the
// answer can be addressed.
type Message struct {
	// Request tells a request from a response.
	Request bool
	// Method is the request's method, as sent (methods are case-sensitive).
	Method string
	// URI is the Request-URI as sent, Target the same taken apart.
	URI    string
	Target URI
	// Status (100 to 699) and Reason are a response's.
	Status int
	Reason string
	// Version as sent, "SIP/2.0".
	Version string

	// Via is the topmost Via, From and To the addresses, CallID, CSeq and CSeqMethod
	// the transaction's and dialog's numbers. MaxForwards is -1 where there is none.
	Via         Via
	From, To    Address
	CallID      string
	CSeq        uint32
	CSeqMethod  string
	MaxForwards int

	// Fields are all header fields in the order of arrival.
	Fields []Field
	// Body is the message body, cut to Content-Length.
	Body string

	text string
	seen [numHeaders]uint8
}

// Get gives the first value of a header.
func (m *Message) Get(id HeaderID) (value string, found bool) {
	if id >= numHeaders || m.seen[id] == 0 {
		return "", false
	}
	for i := range m.Fields {
		if m.Fields[i].ID == id {
			return m.Fields[i].Value, true
		}
	}
	return "", false
}

// Has tells whether a header is there.
func (m *Message) Has(id HeaderID) bool { return id < numHeaders && m.seen[id] > 0 }

// Values gives each header line of a kind, comma-joined values not taken apart.
func (m *Message) Values(id HeaderID) iter.Seq[string] {
	return func(yield func(string) bool) {
		if !m.Has(id) {
			return
		}
		for i := range m.Fields {
			if m.Fields[i].ID == id && !yield(m.Fields[i].Value) {
				return
			}
		}
	}
}

// List gives each value of a list header (Via, Contact, Route, Require, Supported …),
// comma-joined ones taken apart.
func (m *Message) List(id HeaderID) iter.Seq[string] {
	return func(yield func(string) bool) {
		for line := range m.Values(id) {
			for v := range Split(line) {
				if !yield(v) {
					return
				}
			}
		}
	}
}

// Token tells whether a comma-separated list header has a token, in any case
// (option tags: Supported, Require).
func (m *Message) Token(id HeaderID, token string) bool {
	for v := range m.List(id) {
		if equalFold(v, token) {
			return true
		}
	}
	return false
}
