package main

import (
	"bufio"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"roost/signaling/h323/h225"
	"roost/signaling/h323/h245"
	"roost/signaling/h323/per"
	"roost/signaling/h323/q931"
)

// h323Cmd is roost h323.
type h323Cmd struct {
	Decode h323Decode `cmd:"" help:"Print H.323 messages, given in hex, as JSON."`
}

// h323Decode is roost h323 decode.
type h323Decode struct {
	File     string `arg:"" optional:"" default:"-" help:"File with lines of NAME HEX; without one, or with -, standard input." placeholder:"FILE"`
	Q931     bool   `name:"q931" xor:"kind" help:"Call signalling messages, what is in a TPKT, with their user-user information."`
	UUIE     bool   `name:"uuie" xor:"kind" help:"PER of H323-UserInformation."`
	H245     bool   `name:"h245" xor:"kind" help:"H.245 messages."`
	Reencode bool   `help:"Print NAME HEX again, as roost would send the message."`
}

// Run decodes line by line. A line that does not decode is told, and the others are
// printed all the same.
func (c *h323Decode) Run(w *world) (err error) {
	in := io.Reader(os.Stdin)
	if c.File != "-" {
		file, err := os.Open(c.File)
		if err != nil {
			return err
		}
		defer file.Close()
		in = file
	}
	out := bufio.NewWriter(w.out)
	defer func() { err = errors.Join(err, out.Flush()) }()
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, 4*h225.MaxMessage)
	status := exitStatus(0)
	for number := 1; lines.Scan(); number++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" {
			continue
		}
		name, digits, _ := strings.Cut(line, " ")
		shown, err := c.line(name, strings.TrimSpace(digits))
		if err != nil {
			status = exitStatus(w.fail(fmt.Errorf("line %d: %s: %w", number, name, err), 1))
			continue
		}
		fmt.Fprintf(out, "%s\n", shown)
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("%s: %w", c.File, err)
	}
	if status != 0 {
		return status
	}
	return nil
}

// line is what is printed for one line.
func (c *h323Decode) line(name, digits string) ([]byte, error) {
	if digits == "" {
		return nil, errors.New("want NAME HEX")
	}
	data, err := hex.DecodeString(digits)
	if err != nil {
		return nil, fmt.Errorf("the hex: %w", err)
	}
	message, err := c.decode(data)
	if err != nil {
		return nil, err
	}
	if c.Reencode {
		again, err := message.Append(nil)
		if err != nil {
			return nil, fmt.Errorf("decodes, but cannot be encoded: %w", err)
		}
		return fmt.Appendf(nil, "%s %x", name, again), nil
	}
	text, err := message.json()
	if err != nil {
		return nil, err
	}
	title, err := json.Marshal(name)
	if err != nil {
		return nil, err
	}
	// The name goes into the message's own object, before its alternative or fields.
	return fmt.Appendf(nil, `{"name":%s,%s`, title, text[1:]), nil
}

// h323Message is a decoded message of any of the kinds.
type h323Message interface {
	Append(dst []byte) ([]byte, error)
	json() ([]byte, error)
}

func (c *h323Decode) decode(data []byte) (h323Message, error) {
	switch {
	case c.Q931:
		return decodeCallSignalling(data)
	case c.UUIE:
		m, err := h225.DecodeUserInformation(data)
		return perMessage{m}, err
	case c.H245:
		m, err := h245.Decode(data)
		return perMessage{m}, err
	default:
		m, err := h225.DecodeRAS(data)
		return perMessage{m}, err
	}
}

// perMessage is a message of h225 or h245.
type perMessage struct {
	message interface {
		Append(dst []byte) ([]byte, error)
	}
}

func (m perMessage) Append(dst []byte) ([]byte, error) { return m.message.Append(dst) }
func (m perMessage) json() ([]byte, error)             { return per.JSON(m.message) }

// callSignalling is a Q.931 message with its user-user information decoded.
type callSignalling struct {
	message *q931.Message
	user    *h225.H323UserInformation // nil where it has none
}

func decodeCallSignalling(data []byte) (h323Message, error) {
	m, err := q931.Decode(data)
	if err != nil {
		return nil, err
	}
	c := callSignalling{message: m}
	if information, ok := m.UserInformation(); ok {
		if c.user, err = h225.DecodeUserInformation(information); err != nil {
			return nil, err
		}
	}
	return c, nil
}

func (c callSignalling) Append(dst []byte) ([]byte, error) {
	if c.user != nil {
		information, err := c.user.Append(nil)
		if err != nil {
			return dst, err
		}
		c.message.SetUserInformation(information)
	}
	return c.message.Append(dst)
}

func (c callSignalling) json() ([]byte, error) {
	return c.message.JSON(func([]byte) ([]byte, error) { return per.JSON(c.user) })
}
