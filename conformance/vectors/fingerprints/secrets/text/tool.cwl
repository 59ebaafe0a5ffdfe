cwlVersion: v1.2
class: CommandLineTool
$namespaces: {cwltool: "http://commonwl.org/cwltool#"}
baseCommand: align
hints:
  cwltool:Secrets: {secrets: [password]}
requirements:
  EnvVarRequirement: {envDef: {PASSWORD: $(inputs.password)}}
inputs: {password: string, name: string}
outputs: []
