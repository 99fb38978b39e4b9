// Command tiphys-devcluster is a Kubernetes control plane in one binary, for
// trying Tiphys and for testing it: the real API server, controller manager,
// scheduler and etcd, and kwok in the place of the kubelets.
//
// It is a multi-call binary. "run" supervises an instance and starts every
// other part as a process of its own, because each of them keeps global state
// (flags, feature gates, metrics) that the others must not see.
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"
)

var commands = map[string]func() int{
	etcdName:              runEtcd,
	apiServerName:         runAPIServer,
	controllerManagerName: runControllerManager,
	schedulerName:         runScheduler,
	kwokName:              runKwok,
	kubectlName:           runKubectl,
	factsName:             runFacts,
	"run":                 runSupervisor,
}

func main() {
	os.Exit(dispatch())
}

// dispatch picks the command by the program's name (how the supervisor starts
// its children, so that user agents and ps name the component) or else by the
// first argument, which it removes.
func dispatch() int {
	if command, ok := commands[filepath.Base(os.Args[0])]; ok {
		return command()
	}
	if len(os.Args) > 1 {
		if command, ok := commands[os.Args[1]]; ok {
			os.Args = os.Args[1:]
			return command()
		}
	}
	names := make([]string, 0, len(commands))
	for name := range commands {
		names = append(names, name)
	}
	sort.Strings(names)
	fmt.Fprintf(os.Stderr, "usage: tiphys-devcluster COMMAND [flags]\ncommands: %s\n", strings.Join(names, ", "))
	return 2
}
