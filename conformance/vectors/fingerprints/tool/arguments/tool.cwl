cwlVersion: v1.2
class: CommandLineTool
$namespaces: {s: "http://schema.org/"}
baseCommand: [align, --fast]
arguments:
  - plain
  - {prefix: -o, valueFrom: out.bam, position: 2}
  - {prefix: -p, valueFrom: "1", position: 0, separate: true, shellQuote: true}
  - {prefix: -q=, valueFrom: "2", position: -1, separate: false}
  - {valueFrom: $(runtime.outdir), itemSeparator: ",", s:note: prose}
  - $(inputs.n)
inputs:
  n: int
outputs: []
