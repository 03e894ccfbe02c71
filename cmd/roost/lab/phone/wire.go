package phone

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// Bounds of what a phone accepts from a server.
const (
	maxMessage = 64 << 10 // bytes of one message
	maxFields  = 128      // header fields of one message
)

var errMalformed = errors.New("malformed SIP message")

// Message is one SIP message as a phone sees it: a request if Method is set,
// else a response.
type Message struct {
	Method string
	URI    string
	Status int
	Reason string
	Fields []Field
	Body   []byte
}

// Field is one header field line.
type Field struct{ Name, Value string }

var compact = map[string]string{
	"v": "Via", "f": "From", "t": "To", "i": "Call-ID", "m": "Contact", "l": "Content-Length",
	"c": "Content-Type", "o": "Event", "k": "Supported", "s": "Subject", "e": "Content-Encoding",
	"u": "Allow-Events", "r": "Refer-To", "b": "Referred-By",
}

// Parse reads one whole message.
func Parse(data []byte) (*Message, error) {
	if len(data) > maxMessage {
		return nil, fmt.Errorf("%w: %d bytes, at most %d", errMalformed, len(data), maxMessage)
	}
	head, body, found := bytes.Cut(data, []byte("\r\n\r\n"))
	if !found {
		return nil, fmt.Errorf("%w: no empty line after the header", errMalformed)
	}
	lines := strings.Split(string(head), "\r\n")
	if len(lines) > maxFields+1 {
		return nil, fmt.Errorf("%w: %d header lines, at most %d", errMalformed, len(lines)-1, maxFields)
	}
	message := &Message{}
	if err := message.start(lines[0]); err != nil {
		return nil, err
	}
	for _, line := range lines[1:] {
		if line != "" && (line[0] == ' ' || line[0] == '\t') && len(message.Fields) > 0 { // folded line
			last := &message.Fields[len(message.Fields)-1]
			last.Value += " " + strings.TrimSpace(line)
			continue
		}
		name, value, found := strings.Cut(line, ":")
		if name = strings.TrimSpace(name); !found || name == "" {
			return nil, fmt.Errorf("%w: header line %.40q", errMalformed, line)
		}
		if long, ok := compact[strings.ToLower(name)]; ok {
			name = long
		}
		message.Fields = append(message.Fields, Field{name, strings.TrimSpace(value)})
	}
	if length := message.Get("Content-Length"); length != "" {
		n, err := strconv.Atoi(length)
		if err != nil || n < 0 || n > len(body) {
			return nil, fmt.Errorf("%w: Content-Length %q with %d bytes of body", errMalformed, length, len(body))
		}
		body = body[:n]
	}
	message.Body = body
	return message, nil
}

func (m *Message) start(line string) error {
	if rest, isResponse := strings.CutPrefix(line, "SIP/2.0 "); isResponse {
		code, reason, _ := strings.Cut(rest, " ")
		status, err := strconv.Atoi(code)
		if err != nil || status < 100 || status > 699 {
			return fmt.Errorf("%w: status line %.40q", errMalformed, line)
		}
		m.Status, m.Reason = status, reason
		return nil
	}
	parts := strings.Split(line, " ")
	if len(parts) != 3 || parts[2] != "SIP/2.0" || parts[0] == "" {
		return fmt.Errorf("%w: start line %.40q", errMalformed, line)
	}
	m.Method, m.URI = parts[0], parts[1]
	return nil
}

// Get returns the first field of that name, "" if there is none.
func (m *Message) Get(name string) string {
	for _, field := range m.Fields {
		if strings.EqualFold(field.Name, name) {
			return field.Value
		}
	}
	return ""
}

// All returns every field of that name, top to bottom.
func (m *Message) All(name string) []string {
	var values []string
	for _, field := range m.Fields {
		if strings.EqualFold(field.Name, name) {
			values = append(values, field.Value)
		}
	}
	return values
}

// Add appends a field.
func (m *Message) Add(name, value string) { m.Fields = append(m.Fields, Field{name, value}) }

// Bytes is the message as sent, with its Content-Length.
func (m *Message) Bytes() []byte {
	var out bytes.Buffer
	if m.Method != "" {
		fmt.Fprintf(&out, "%s %s SIP/2.0\r\n", m.Method, m.URI)
	} else {
		fmt.Fprintf(&out, "SIP/2.0 %d %s\r\n", m.Status, m.Reason)
	}
	for _, field := range m.Fields {
		fmt.Fprintf(&out, "%s: %s\r\n", field.Name, field.Value)
	}
	fmt.Fprintf(&out, "Content-Length: %d\r\n\r\n", len(m.Body))
	out.Write(m.Body)
	return out.Bytes()
}

// reply begins the response to a request (RFC 3261 8.2.6); tag is added to To
// if it has none.
func reply(request *Message, status int, reason, tag string) *Message {
	response := &Message{Status: status, Reason: reason}
	for _, via := range request.All("Via") {
		response.Add("Via", via)
	}
	response.Add("From", request.Get("From"))
	to := request.Get("To")
	if parameter(to, "tag") == "" {
		to += ";tag=" + tag
	}
	response.Add("To", to)
	response.Add("Call-ID", request.Get("Call-ID"))
	response.Add("CSeq", request.Get("CSeq"))
	return response
}

// parameter returns a header parameter's value, "" if it is absent. Parameters
// inside <…> belong to the URI and are not looked at.
func parameter(value, name string) string {
	quoted, inURI, from := false, false, 0
	find := func(part string) (string, bool) {
		key, content, _ := strings.Cut(strings.TrimSpace(part), "=")
		return strings.Trim(strings.TrimSpace(content), `"`), strings.EqualFold(strings.TrimSpace(key), name)
	}
	for i := range len(value) {
		switch c := value[i]; {
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '<':
			inURI = true
		case c == '>':
			inURI, from = false, i+1
		case c == ';' && !inURI:
			if content, found := find(value[from:i]); found {
				return content
			}
			from = i + 1
		}
	}
	content, found := find(value[from:])
	if !found {
		return ""
	}
	return content
}

// readMessage reads one message from a stream (RFC 3261 18.3). CRLFs between
// messages, a server's keep-alive pong among them, are skipped.
func readMessage(stream *bufio.Reader) ([]byte, error) {
	var head []byte
	for {
		line, err := stream.ReadSlice('\n')
		if err != nil {
			return nil, err
		}
		if len(head) == 0 && len(bytes.TrimRight(line, "\r\n")) == 0 {
			continue
		}
		if head = append(head, line...); len(head) > maxMessage {
			return nil, fmt.Errorf("%w: header above %d bytes", errMalformed, maxMessage)
		}
		if len(bytes.TrimRight(line, "\r\n")) == 0 {
			break
		}
	}
	length := 0
	for line := range strings.SplitSeq(string(head), "\r\n") {
		name, value, _ := strings.Cut(line, ":")
		if name = strings.ToLower(strings.TrimSpace(name)); name == "content-length" || name == "l" {
			n, err := strconv.Atoi(strings.TrimSpace(value))
			if err != nil || n < 0 || n > maxMessage {
				return nil, fmt.Errorf("%w: Content-Length %.20q", errMalformed, value)
			}
			length = n
		}
	}
	message := append(head, make([]byte, length)...)
	if _, err := io.ReadFull(stream, message[len(head):]); err != nil {
		return nil, err
	}
	return message, nil
}
