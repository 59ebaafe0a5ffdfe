cwlVersion: v1.2
class: CommandLineTool
label: not part of the key
doc: |
  Neither is this.
baseCommand: [align, --fast]
arguments:
  - --threads=$(runtime.cores)
  - {prefix: -o, valueFrom: out.bam, position: 2}
requirements:
  DockerRequirement: {dockerPull: "example/align:1.0"}
  InlineJavascriptRequirement: {expressionLib: ["var twice = function (n) { return 2 * n; };"]}
  ResourceRequirement: {coresMin: 2, ramMin: 4000}
  ToolTimeLimit: {timelimit: 3600}
hints:
  EnvVarRequirement: {envDef: {LEVEL: $(inputs.level)}}
inputs:
  reads:
    type: File[]
    inputBinding: {position: 3}
    secondaryFiles: ["^.bai?"]
  level: {type: int, default: 3, inputBinding: {prefix: -l, separate: false}}
  rate: {type: double, inputBinding: {position: 1}}
  mode: {type: {type: enum, symbols: [quick, exact]}, default: quick}
  note: string?
outputs:
  bam: {type: File, outputBinding: {glob: out.bam}, format: "http://edamontology.org/format_2572"}
successCodes: [3, 0, 3]
