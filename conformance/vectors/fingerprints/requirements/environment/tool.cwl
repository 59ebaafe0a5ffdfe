cwlVersion: v1.2
class: CommandLineTool
baseCommand: align
requirements:
  EnvVarRequirement: {envDef: {LEVEL: $(inputs.n), B: "2"}}
inputs: {n: int}
outputs: []
