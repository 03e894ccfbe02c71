package h225

import "testing"

// benchSample is the full registration, or the keep-alive, of a captured telephone.
func benchSample(b *testing.B, keepAlive bool) []byte {
	b.Helper()
	for _, s := range samples(b, "ras.txt") {
		m, err := DecodeRAS(s.data)
		if err != nil {
			b.Fatal(err)
		}
		if rrq := m.RegistrationRequest; rrq != nil && rrq.KeepAlive.V == keepAlive && rrq.CryptoTokens == nil {
			return s.data
		}
	}
	b.Fatal("no such capture")
	return nil
}

func BenchmarkDecodeRRQ(b *testing.B)          { benchDecode(b, benchSample(b, false)) }
func BenchmarkDecodeRRQKeepAlive(b *testing.B) { benchDecode(b, benchSample(b, true)) }
func BenchmarkEncodeRRQ(b *testing.B)          { benchEncode(b, benchSample(b, false)) }
func BenchmarkEncodeRRQKeepAlive(b *testing.B) { benchEncode(b, benchSample(b, true)) }

// BenchmarkDecodeRAS and BenchmarkEncodeRAS take all captured RAS messages in turn.
func BenchmarkDecodeRAS(b *testing.B) {
	all := samples(b, "ras.txt")
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if _, err := DecodeRAS(all[i%len(all)].data); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "messages/s")
}

func BenchmarkEncodeRAS(b *testing.B) {
	var all []*RasMessage
	for _, s := range samples(b, "ras.txt") {
		m, err := DecodeRAS(s.data)
		if err != nil {
			b.Fatal(err)
		}
		all = append(all, m)
	}
	buf := make([]byte, 0, 4096)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if _, err := all[i%len(all)].Append(buf); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "messages/s")
}

func benchDecode(b *testing.B, data []byte) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := DecodeRAS(data); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "messages/s")
}

func benchEncode(b *testing.B, data []byte) {
	m, err := DecodeRAS(data)
	if err != nil {
		b.Fatal(err)
	}
	buf := make([]byte, 0, 4096)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := m.Append(buf); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "messages/s")
}
