cwlVersion: v1.2
class: CommandLineTool
baseCommand: [sh, run.sh]
requirements:
  InitialWorkDirRequirement:
    listing: [{entryname: run.sh, entry: "align $(inputs.words)"}]
  EnvVarRequirement: {envDef: {TOOL: uniq}}
inputs:
  words: string
  mode: {type: int, inputBinding: {prefix: cut, valueFrom: paste}}
  f: File
outputs: []
