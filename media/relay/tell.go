package relay

// tell calls what others want to hear, so that a worker never waits for them. It is
// the relay's own goroutine and ends with Close.
func (r *Relay) tell() {
	defer close(r.told)
	r.mu.Lock()
	defer r.mu.Unlock()
	for {
		for len(r.news) == 0 && !r.closing {
			r.newsCome.Wait()
		}
		news := r.news
		r.news = nil
		if len(news) == 0 {
			return
		}
		r.mu.Unlock()
		for _, f := range news {
			f()
		}
		r.mu.Lock()
	}
}

func (r *Relay) tellSilent(s *stream) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.silent++
	if s.onSilent != nil {
		r.news = append(r.news, s.onSilent)
		r.newsCome.Signal()
	}
}
