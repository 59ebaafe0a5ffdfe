version 1.0

workflow main {
  input {
    Array[Array[String]] rows
  }
  scatter (words in rows) {
    scatter (word in words) {
      call speak { input: word = word }
    }
    call join as row { input: parts = speak.spoken, name = "row.txt" }
  }
  call join { input: parts = row.joined, name = "all.txt" }
  output {
    File all = join.joined
  }
}

task speak {
  input {
    String word
  }
  command <<< echo ~{word} | tr a-z A-Z > ~{word}.txt >>>
  output {
    File spoken = "~{word}.txt"
  }
}

task join {
  input {
    Array[File] parts
    String name
  }
  command <<< cat ~{sep=" " parts} > ~{name} >>>
  output {
    File joined = "~{name}"
  }
}
