package flow

// IsUDP tells whether an ID of this Table is that of a UDP flow, also when the flow
// is gone: then it can be made again with UDPFlow.
func (t *Table) IsUDP(id ID) bool { return t.socket(id) != nil }
