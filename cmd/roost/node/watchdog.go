package node

import "time"

// How often the watchdog looks, and how long the system may take to answer it.
const (
	watchEvery  = 2 * time.Second
	hungAfter   = 20 * time.Second
	maxUnheard  = int(hungAfter / watchEvery)
	hungMessage = "this system has not been able to decide about a phone for 20 s; it ends, so that its phones go to their backup instead of waiting for it"
)

// watch ends a system that hangs. To its phones a hung home is worse than a dead
// one: TCP clients do not leave a process that accepts them and never answers.
func (n *Node) watch(hung func()) {
	ticker := time.NewTicker(watchEvery)
	defer ticker.Stop()
	answer := make(chan struct{}, 1)
	answer <- struct{}{}
	unheard := 0
	for {
		select {
		case <-n.ctx.Done():
			return
		case <-ticker.C:
		}
		select {
		case <-answer:
			unheard = 0
			go n.probe(answer)
		default:
			if unheard++; unheard == maxUnheard {
				n.log.Error().Msg(hungMessage)
				hung()
				return
			}
		}
	}
}

// probe goes through what every registration needs. If it hangs, it hangs with the
// system, which ends for it.
func (n *Node) probe(answer chan<- struct{}) {
	_, _ = n.keeper.guest("")
	_ = n.registrar.Count()
	_ = n.away.where("")
	answer <- struct{}{}
}
