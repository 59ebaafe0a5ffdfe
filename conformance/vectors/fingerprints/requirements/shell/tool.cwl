cwlVersion: v1.2
class: CommandLineTool
baseCommand: align
requirements: {ShellCommandRequirement: {}}
arguments: [{valueFrom: "| sort", shellQuote: false}]
inputs: []
outputs: []
