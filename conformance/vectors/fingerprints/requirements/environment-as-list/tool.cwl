cwlVersion: v1.2
class: CommandLineTool
baseCommand: align
requirements:
  - class: EnvVarRequirement
    envDef:
      - {envName: B, envValue: "2"}
      - {envName: LEVEL, envValue: $(inputs.n)}
inputs: {n: int}
outputs: []
