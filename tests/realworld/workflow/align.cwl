cwlVersion: v1.2
class: CommandLineTool
label: Align paired reads
doc: The @PG lines go, for they hold the paths of temporary folders.
requirements:
  ShellCommandRequirement: {}
baseCommand: [bwa, mem]
inputs:
  sample: string
  min_seed:
    type: int
    default: 19
    inputBinding: {position: 1, prefix: -k}
  reference:
    type: File
    secondaryFiles: [.amb, .ann, .bwt, .pac, .sa]
    inputBinding: {position: 3}
  forward:
    type: File
    inputBinding: {position: 4}
  backward:
    type: File
    inputBinding: {position: 5}
arguments:
  - {position: 2, prefix: -R, valueFrom: '@RG\tID:$(inputs.sample)\tSM:$(inputs.sample)'}
  - {position: 6, shellQuote: false, valueFrom: "| grep -v '^@PG' | samtools sort --no-PG -o"}
  - {position: 7, valueFrom: $(inputs.sample).bam}
outputs:
  aligned:
    type: File
    outputBinding: {glob: $(inputs.sample).bam}
