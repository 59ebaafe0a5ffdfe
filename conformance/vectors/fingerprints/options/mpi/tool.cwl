cwlVersion: v1.2
class: CommandLineTool
$namespaces: {cwltool: "http://commonwl.org/cwltool#"}
baseCommand: align
requirements:
  cwltool:MPIRequirement: {processes: 4}
inputs: []
outputs: []
