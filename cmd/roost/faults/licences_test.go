package faults

import (
	"testing"

	"roost/cmd/roost/console/api"
)

// US4: past the last licence a phone is refused with the reason; a licence that is freed
// is usable at once.
func TestUS4_LicencesOverSIP(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	london := s.start("london", settings{numbers: []string{"201", "202", "203"}, top: "licences: {phones: 2}\n"})
	first, second, third := s.udp(s.ip(101), london), s.udp(s.ip(102), london), s.tcp(s.ip(103), london.at(5060))
	for _, w := range []*stranger{first, second, third} {
		t.Cleanup(w.close)
	}
	for number, w := range map[string]*stranger{"201": first, "202": second} {
		if a, _ := w.register(number, password(number), 1); a.status != 200 {
			t.Fatalf("%s: %s", number, a.text)
		}
	}
	refused, _ := third.register("203", password("203"), 1)
	if refused.status != 403 || refused.phrase != "No Licence Left" || refused.header("Warning") == "" {
		t.Fatalf("the third phone of two licences: %s", refused.text)
	}
	status := london.status()
	if status.Licences.Used != 2 || status.Licences.Total != 2 || status.Counters["sip_unlicensed"] != 1 {
		t.Errorf("licences %+v, counted %v", status.Licences, status.Counters["sip_unlicensed"])
	}
	london.logs(`registration refused.*number=203`)

	if a, _ := first.register("201", password("201"), 10, "Expires: 0"); a.status != 200 {
		t.Fatalf("un-REGISTER: %s", a.text)
	}
	if a, _ := third.register("203", password("203"), 10); a.status != 200 {
		t.Fatalf("the licence was freed, and yet: %s", a.text)
	}
	london.until("two licences in use", func(s api.Status) bool { return s.Licences.Used == 2 && s.Phones.Registered == 2 })
}
