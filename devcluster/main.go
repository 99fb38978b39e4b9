package main

import (
	"context"
	"fmt"
	"os"

	"github.com/spf13/pflag"
	"go.etcd.io/etcd/server/v3/etcdmain"
	"k8s.io/component-base/cli"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	controllermanager "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"
	kwokconfig "sigs.k8s.io/kwok/pkg/config"
	kwok "sigs.k8s.io/kwok/pkg/kwok/cmd"
	kwoklog "sigs.k8s.io/kwok/pkg/log"

	_ "k8s.io/component-base/logs/json/register"
	_ "k8s.io/component-base/metrics/prometheus/clientgo"
	_ "k8s.io/component-base/metrics/prometheus/version"
	_ "k8s.io/api/core/v1"
	_ "k8s.io/client-go/informers"
)

func main() {
	fmt.Println(len(os.Args))
	switch os.Args[1] {
	case "etcd":
		etcdmain.Main(os.Args[1:])
	case "a":
		os.Exit(cli.Run(apiserver.NewAPIServerCommand()))
	case "c":
		os.Exit(cli.Run(controllermanager.NewControllerManagerCommand()))
	case "s":
		os.Exit(cli.Run(scheduler.NewSchedulerCommand()))
	case "k":
		fs := pflag.NewFlagSet("global", pflag.ContinueOnError)
		ctx, _ := kwoklog.InitFlags(context.Background(), fs)
		ctx, _ = kwokconfig.InitFlags(ctx, fs)
		c := kwok.NewCommand(ctx)
		c.Version = ""
		c.Execute()
	}
}
