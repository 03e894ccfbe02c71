package node

import "slices"

// Emergency implements sip.Calls.
func (c calls) Emergency(number string) bool { return c.isEmergency(number) }

func (n *Node) isEmergency(to string) bool { return slices.Contains(n.config().Emergency.Numbers, to) }
