package flow

import "net/netip"

// IsUDP tells whether an ID of this Table is that of a UDP flow, also when the flow
// is gone: then it can be made again with UDPFlow.
func (t *Table) IsUDP(id ID) bool { return t.socket(id) != nil }

// SocketOf gives the address of the UDP socket of a flow, also of one that is gone:
// what UDPFlow makes it again from. False: the ID is no UDP flow's.
func (t *Table) SocketOf(id ID) (netip.AddrPort, bool) {
	u := t.socket(id)
	if u == nil {
		return netip.AddrPort{}, false
	}
	return u.local, true
}
