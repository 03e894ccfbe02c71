package message

import (
	"errors"
	"math"
	"strconv"
	"strings"
)

// What can be wrong with a contact's parameters.
var (
	errRegID = errors.New("reg-id is not a number from 1 to 2147483647")
	errQ     = errors.New("q is not a number from 0 to 1 with at most three decimals")
)

// Contact is one value of a Contact header.
type Contact struct {
	Address
	// Expires in seconds, where HasExpires. Over 2^32-1 it counts as 2^32-1; malformed
	// it counts as 3600 (RFC 3261 §20.19, §10.2.1.1).
	Expires    uint32
	HasExpires bool
	// Q is the preference in thousandths, 0 to 1000; -1 where none was given.
	Q int
	// Instance is +sip.instance without quotes and angle brackets (RFC 5626 §4.1).
	Instance string
	// RegID is reg-id, 1 to 2^31-1; 0 where there is none (RFC 5626 §4.2).
	RegID uint32
	// CiscoKeepAlive: the parameter cisco-keep-alive is there (rule FO9).
	CiscoKeepAlive bool
}

// Contacts gives the values of all Contact headers, at most max; star is true for
// "Contact: *", which must stand alone (RFC 3261 §10.2.2). A malformed one is 400.
func (m *Message) Contacts(max int) (contacts []Contact, star bool, fault *Fault) {
	n := 0
	for v := range m.List(HContact) {
		if n++; n > max {
			return nil, false, bad("More Than " + strconv.Itoa(max) + " Contacts")
		}
		if v == "*" {
			star = true
			continue
		}
		c, err := ParseContact(v)
		if err != nil {
			return nil, false, bad("Malformed Contact: " + err.Error())
		}
		contacts = append(contacts, c)
	}
	if star && n > 1 {
		return nil, false, bad("Contact * With Other Contacts")
	}
	return contacts, star, nil
}

// ParseContact reads one contact, not "*".
func ParseContact(s string) (Contact, error) {
	c := Contact{Q: -1}
	var err error
	if c.Address, err = ParseAddress(s); err != nil {
		return c, err
	}
	for name, value := range c.Params.All() {
		switch {
		case equalFold(name, "expires"):
			c.Expires, c.HasExpires = Seconds(value), true
		case equalFold(name, "q"):
			if c.Q, err = quality(value); err != nil {
				return c, err
			}
		case equalFold(name, "+sip.instance"):
			c.Instance = strings.TrimSuffix(strings.TrimPrefix(value, "<"), ">")
		case equalFold(name, "reg-id"):
			n, ok := number(value, math.MaxInt32)
			if !ok || n == 0 {
				return c, errRegID
			}
			c.RegID = uint32(n)
		case equalFold(name, "cisco-keep-alive"):
			c.CiscoKeepAlive = true
		}
	}
	return c, nil
}

// Seconds reads a delta-seconds value: over 2^32-1 it is 2^32-1, malformed it is 3600
// (RFC 3261 §20.19).
func Seconds(s string) uint32 {
	digits := s != ""
	for i := 0; i < len(s); i++ {
		digits = digits && s[i] >= '0' && s[i] <= '9'
	}
	if !digits {
		return 3600
	}
	if n, ok := number(s, math.MaxUint32); ok {
		return uint32(n)
	}
	return math.MaxUint32
}

// Expires gives the Expires header in seconds.
func (m *Message) Expires() (seconds uint32, found bool) {
	v, ok := m.Get(HExpires)
	if !ok {
		return 0, false
	}
	return Seconds(v), true
}

// quality reads a qvalue, 0 to 1 with at most three decimals, in thousandths.
func quality(s string) (int, error) {
	whole, decimals, _ := strings.Cut(s, ".")
	q, scale := 0, 1000
	if whole == "1" {
		q = 1000
	} else if whole != "0" && !(whole == "" && decimals != "") {
		return 0, errQ
	}
	for i := 0; i < len(decimals); i++ {
		if scale /= 10; decimals[i] < '0' || decimals[i] > '9' || scale == 0 {
			return 0, errQ
		}
		q += int(decimals[i]-'0') * scale
	}
	if q > 1000 {
		return 0, errQ
	}
	return q, nil
}
