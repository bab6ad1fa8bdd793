package main

import (
	"os"
	"os/signal"
	"syscall"
)

// onStop runs `end` when this process is asked to stop, then closes `ended`.
func onStop(end func(), ended chan<- struct{}) {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-signals
		end()
		close(ended)
	}()
}
