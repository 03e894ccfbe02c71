package call

import "testing"

// A storm of INFOs that the other side does not answer is bounded.
func TestTold_IsBounded(t *testing.T) {
	d := newDesk(t, storyStart)
	d.router.write("202")
	a := d.invite("201", Invited{Peer: Phone, From: Party{Number: "201"}, To: "202", Offer: Body{Type: "application/sdp", Data: []byte("a1")}, Hops: 70})
	d.tell(Answered{Leg: 2, Body: Body{Type: "application/sdp", Data: []byte("b1")}})
	d.tell(Connected{Leg: 1})
	refused := 0
	for id := range uint32(maxTold + 5) {
		d.tell(Told{Leg: 1, ID: id + 1, Method: "INFO"})
		if !a.told[id+1] {
			refused++
		}
	}
	if len(d.legs[2].tells) != maxTold || refused != 5 {
		t.Errorf("%d passed, %d refused", len(d.legs[2].tells), refused)
	}
}
