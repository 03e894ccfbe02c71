package flow

import "github.com/emiago/sipgo/sip"

// Conn gives a sip.Connection for sip.NewServerTx and sip.NewClientTx that writes to
// the flow, and only to it. Ref and TryClose count nothing: a transaction never
// closes a flow.
func (t *Table) Conn(id ID) sip.Connection { return nil }
