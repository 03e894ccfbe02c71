package record

import (
	"net/netip"
	"time"

	"roost/registrar"
	"roost/registrar/credentials"
	"roost/registrar/directory"
)

// Tags of a guest.
const (
	guestPhone = iota + 1
	guestHome
	guestWhere
	guestBusy
	guestSince
	guestGranted
)

// AppendGuest appends a guest.
func AppendGuest(dst []byte, g *Guest, now time.Time) []byte {
	dst = begin(dst, KindGuest)
	dst = appendText(dst, guestPhone, string(g.Phone))
	dst = appendText(dst, guestHome, g.Home)
	dst = appendText(dst, guestWhere, g.Where)
	dst = appendBool(dst, guestBusy, g.Busy)
	dst = appendAge(dst, guestSince, g.Since, now)
	return appendUint(dst, guestGranted, uint64(g.Granted))
}

// ParseGuest reads a guest; its times are put to the reader's clock as by
// ParseRegistration.
func ParseGuest(b []byte, now time.Time) (Guest, error) {
	var g Guest
	err := fields(b, KindGuest, func(f *field) error {
		switch f.tag {
		case guestPhone:
			return number(f, &g.Phone)
		case guestHome:
			return f.text(&g.Home, registrar.MaxHomeLength)
		case guestWhere:
			return f.text(&g.Where, registrar.MaxHomeLength)
		case guestBusy:
			return f.bool(&g.Busy)
		case guestSince:
			return f.age(&g.Since, now)
		case guestGranted:
			return f.uint32(&g.Granted)
		}
		return nil
	})
	return g, about(g.Phone, err)
}

// Tags of an entry of the network's directory.
const (
	entryNumber = iota + 1
	entryName
	entryHome
	entryWhere
	entryBusy
)

// AppendDirEntry appends an entry of the network's directory.
func AppendDirEntry(dst []byte, e *DirEntry) []byte {
	dst = begin(dst, KindDirEntry)
	dst = appendText(dst, entryNumber, string(e.Number))
	dst = appendText(dst, entryName, e.Name)
	dst = appendText(dst, entryHome, e.Home)
	dst = appendText(dst, entryWhere, e.Where)
	return appendBool(dst, entryBusy, e.Busy)
}

// ParseDirEntry reads an entry of the network's directory.
func ParseDirEntry(b []byte) (DirEntry, error) {
	var e DirEntry
	err := fields(b, KindDirEntry, func(f *field) error {
		switch f.tag {
		case entryNumber:
			return number(f, &e.Number)
		case entryName:
			return f.text(&e.Name, maxText)
		case entryHome:
			return f.text(&e.Home, registrar.MaxHomeLength)
		case entryWhere:
			return f.text(&e.Where, registrar.MaxHomeLength)
		case entryBusy:
			return f.bool(&e.Busy)
		}
		return nil
	})
	return e, about(e.Number, err)
}

// Tags of a location.
const (
	locationName = iota + 1
	locationSubnet
)

// maxSubnets bounds the subnets of one location.
const maxSubnets = 200

// AppendLocation appends a location.
func AppendLocation(dst []byte, l *Location) []byte {
	dst = begin(dst, KindLocation)
	dst = appendText(dst, locationName, l.Name)
	for _, subnet := range l.Subnets {
		b, _ := subnet.MarshalBinary() // gives no error for any Prefix
		dst = appendText(dst, locationSubnet, string(b))
	}
	return dst
}

// ParseLocation reads a location.
func ParseLocation(b []byte) (Location, error) {
	var l Location
	err := fields(b, KindLocation, func(f *field) error {
		switch f.tag {
		case locationName:
			return f.text(&l.Name, directory.MaxName)
		case locationSubnet:
			var subnet netip.Prefix
			if len(l.Subnets) == maxSubnets {
				return ErrTooLong
			}
			if subnet.UnmarshalBinary(f.bytes) != nil || !subnet.IsValid() {
				return ErrField
			}
			l.Subnets = append(l.Subnets, subnet)
		}
		return nil
	})
	return l, err
}

// Tags of a nonce key.
const (
	keyID = iota + 1
	keySecret
)

// AppendKey appends a nonce key.
func AppendKey(dst []byte, k credentials.Key) []byte {
	dst = begin(dst, KindKey)
	dst = appendUint(dst, keyID, uint64(k.ID))
	return appendText(dst, keySecret, string(k.Secret[:]))
}

// ParseKey reads a nonce key. One without its secret is an error.
func ParseKey(b []byte) (credentials.Key, error) {
	var k credentials.Key
	found := false
	err := fields(b, KindKey, func(f *field) error {
		switch f.tag {
		case keyID:
			return f.uint32(&k.ID)
		case keySecret:
			if len(f.bytes) != len(k.Secret) {
				return ErrField
			}
			found = true
			copy(k.Secret[:], f.bytes)
		}
		return nil
	})
	if err == nil && !found {
		err = ErrTruncated
	}
	return k, err
}
