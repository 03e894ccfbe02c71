package ras

import (
	"net/netip"

	"roost/signaling/h323/h225"
	"roost/signaling/h323/per"
)

// readAddress reads an IPv4 or IPv6 transport address; invalid for any other kind.
func readAddress(a *h225.TransportAddress) netip.AddrPort {
	switch a.Choice {
	case h225.TransportAddressIpAddress:
		return netip.AddrPortFrom(netip.AddrFrom4(a.IpAddress.Ip), a.IpAddress.Port)
	case h225.TransportAddressIp6Address:
		return netip.AddrPortFrom(netip.AddrFrom16(a.Ip6Address.Ip).Unmap(), a.Ip6Address.Port)
	}
	return netip.AddrPort{}
}

// firstAddress is the first IP address of a list.
func firstAddress(list []h225.TransportAddress) netip.AddrPort {
	for i := range list {
		if at := readAddress(&list[i]); at.IsValid() {
			return at
		}
	}
	return netip.AddrPort{}
}

func writeAddress(at netip.AddrPort) h225.TransportAddress {
	addr := at.Addr().Unmap()
	if addr.Is6() {
		return h225.TransportAddress{
			Choice:     h225.TransportAddressIp6Address,
			Ip6Address: h225.IP6Address{Ip: addr.As16(), Port: at.Port()},
		}
	}
	out := h225.TransportAddress{Choice: h225.TransportAddressIpAddress, IpAddress: h225.IPAddress{Port: at.Port()}}
	if addr.IsValid() {
		out.IpAddress.Ip = addr.As4()
	}
	return out
}

func bmp(s string) per.BMP { return per.NewBMP(s) }

// text reads a BMPString of at most so many characters; "" for a longer one.
func text(b per.BMP, most int) string {
	if len(b) > 2*most {
		return ""
	}
	return b.String()
}

// agent is what an endpoint calls itself: product and version, printable, cut.
func agent(v *h225.VendorIdentifier) string {
	if v == nil {
		return ""
	}
	out := make([]byte, 0, 64)
	for _, part := range [...][]byte{v.ProductId, v.VersionId} {
		if len(out) > 0 && len(part) > 0 {
			out = append(out, ' ')
		}
		for _, c := range part {
			if c >= ' ' && c < 0x7f && len(out) < maxAgent {
				out = append(out, c)
			}
		}
	}
	return string(out)
}
