// Starts GO Feature Flag's own relay proxy from its published packages, for tests that ask it and Edict's embedded relay the same things.
//
//	go-relay --config relay.yaml
//
// The file is a configuration of the relay proxy and must name a loopback host and a port. When the relay answers, the program prints
// `listening http://host:port`, alone on a line of standard output; everything else goes to standard error. It stops on SIGTERM, and
// when its standard input ends: a test that dies leaves no relay behind.
package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
	"time"

	"github.com/spf13/pflag"
	"github.com/thomaspoignant/go-feature-flag/cmd/relayproxy/api"
	"github.com/thomaspoignant/go-feature-flag/cmd/relayproxy/config"
	"github.com/thomaspoignant/go-feature-flag/cmd/relayproxy/metric"
	"github.com/thomaspoignant/go-feature-flag/cmd/relayproxy/proxynotifier"
	"github.com/thomaspoignant/go-feature-flag/cmd/relayproxy/service"
	"github.com/thomaspoignant/go-feature-flag/cmd/relayproxy/service/stream"
	"github.com/thomaspoignant/go-feature-flag/cmdhelpers/log"
	"github.com/thomaspoignant/go-feature-flag/notifier"
)

const (
	startTimeout = 30 * time.Second
	stopTimeout  = 5 * time.Second
	relayModule  = "github.com/thomaspoignant/go-feature-flag"
)

func main() {
	if err := serve(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "go-relay:", err)
		os.Exit(1)
	}
}

func serve(args []string) error {
	flags := pflag.NewFlagSet("go-relay", pflag.ContinueOnError)
	flags.String("config", "", "configuration file of the relay proxy")
	if err := flags.Parse(args); err != nil {
		return err
	}
	logger := log.InitLogger()
	settings, err := config.New(flags, logger.ZapLogger, relayVersion())
	if err != nil {
		return fmt.Errorf("reading the configuration: %w", err)
	}
	defer func() { _ = settings.StopConfigChangeWatcher() }()
	if err := settings.IsValid(); err != nil {
		return fmt.Errorf("the configuration: %w", err)
	}
	logger.Update(settings.LogFormat, settings.ZapLogLevel())
	address, err := loopback(settings.ServerHost(), settings.ServerPort(logger.ZapLogger))
	if err != nil {
		return err
	}

	metrics, err := metric.NewMetrics(metric.MetricsOpts{EnableBulkMetricFlagNames: settings.EnableBulkMetricFlagNames})
	if err != nil {
		return fmt.Errorf("metrics: %w", err)
	}
	sockets, events := stream.NewWebsocketService(), stream.NewSSEService()
	flagSets, err := service.NewFlagsetManager(settings, logger.ZapLogger, []notifier.Notifier{
		metric.NewPrometheusNotifier(metrics),
		proxynotifier.NewNotifierWebsocket(sockets),
	}, events)
	if err != nil {
		return fmt.Errorf("flags: %w", err)
	}
	server := api.New(settings, service.Services{
		MonitoringService: service.NewMonitoring(flagSets),
		WebsocketService:  sockets,
		SSEService:        events,
		FlagsetManager:    flagSets,
		Metrics:           metrics,
	}, logger.ZapLogger)

	running, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	go announce(address)
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		stop()
	}()
	// Streams end when the signal arrives and not after it: the server waits for all answers under way.
	ended := make(chan struct{})
	go func() {
		<-running.Done()
		sockets.Close()
		events.Close()
		close(ended)
	}()
	server.StartWithContext(running)
	<-ended
	deadline, cancel := context.WithTimeout(context.Background(), stopTimeout)
	defer cancel()
	server.Stop(deadline)
	// Last, when nobody can add an event any more: exporters write what they hold.
	flagSets.Close()
	return nil
}

// loopback refuses to let anybody but this machine in.
func loopback(host string, port int) (string, error) {
	if ip := net.ParseIP(host); ip == nil || !ip.IsLoopback() {
		return "", fmt.Errorf("server.host is %q; it has to be a loopback address", host)
	}
	return net.JoinHostPort(host, fmt.Sprint(port)), nil
}

// announce prints the address once something answers there.
func announce(address string) {
	client := http.Client{Timeout: time.Second}
	for deadline := time.Now().Add(startTimeout); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		response, err := client.Get("http://" + address + "/health")
		if err != nil {
			continue
		}
		_, _ = io.Copy(io.Discard, response.Body)
		_ = response.Body.Close()
		fmt.Printf("listening http://%s\n", address)
		return
	}
	fmt.Fprintln(os.Stderr, "go-relay: nothing answers at", address)
	os.Exit(1)
}

// relayVersion is the version of the published module this program was built with.
func relayVersion() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, module := range info.Deps {
			if module.Path == relayModule {
				return module.Version
			}
		}
	}
	return "unknown"
}
