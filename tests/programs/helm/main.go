// The helm program itself, to compare with what is rendered without it.
package main

import (
	"os"

	"helm.sh/helm/v4/pkg/cmd"
)

func main() {
	command, err := cmd.NewRootCmd(os.Stdout, os.Args[1:], cmd.SetupLogging)
	if err != nil || command.Execute() != nil {
		os.Exit(1)
	}
}
