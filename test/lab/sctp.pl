# Associations of SCTP, which Node has no sockets for. As a real server, `sctp.pl serve NAME PORT ADDRESS...` answers `TEXT` with
# `NAME TEXT`. As a client, `sctp.pl call` does what each line says, and answers it with a line of JSON as traffic.mjs does:
#
#     open TO PORT FROM COUNT     makes associations instead of those that are there
#     ask TEXT                    says it on each, and counts who answered, or why nobody did
#
# Every socket is bound to one address: with more, the two ends would go around the director.
use strict;
use warnings;
use Errno;
use IO::Select;
use Socket qw(:all);

use constant { SCTP => 132, PATIENCE => 10, LONGEST => 4096 };

$| = 1;
$SIG{PIPE} = 'IGNORE';
my ($role, @words) = @ARGV;
$role eq 'serve' ? serve(@words) : call();

sub bound_socket {
  my ($address, $port) = @_;
  my $family = $address =~ /:/ ? AF_INET6 : AF_INET;
  socket(my $socket, $family, SOCK_STREAM, SCTP) or die "socket: $!\n";
  bind($socket, name_of($address, $port)) or die "bind $address: $!\n";
  return $socket;
}

sub name_of {
  my ($address, $port) = @_;
  return $address =~ /:/ ? pack_sockaddr_in6($port, inet_pton(AF_INET6, $address)) : pack_sockaddr_in($port, inet_aton($address));
}

sub serve {
  my ($name, $port, @addresses) = @_;
  my %listening;
  my $all = IO::Select->new;
  for my $address (@addresses) {
    my $socket = bound_socket($address, $port);
    listen($socket, 100) or die "listen: $!\n";
    $listening{fileno $socket} = 1;
    $all->add($socket);
  }
  print "listening\n";
  while (my @ready = $all->can_read) {
    for my $socket (@ready) {
      if ($listening{fileno $socket}) {
        if (accept(my $new, $socket)) { $all->add($new) }
        next;
      }
      my $length = sysread($socket, my $text, LONGEST);
      if ($length) { syswrite($socket, "$name $text") }
      else { $all->remove($socket); close($socket) }
    }
  }
}

sub call {
  my @sockets;
  while (my $line = <STDIN>) {
    chomp $line;
    my ($order, $rest) = split / /, $line, 2;
    if ($order eq 'open') {
      my ($to, $port, $from, $count) = split / /, $rest;
      @sockets = map { opened($to, $port, $from) } 1 .. $count;
      $rest = 'hello';
    }
    print json(ask($rest, @sockets)), "\n";
  }
}

sub opened {
  my ($to, $port, $from) = @_;
  my $socket = bound_socket($from, 0);
  connect($socket, name_of($to, $port)) or die "connect: $!\n";
  return $socket;
}

sub ask {
  my ($text, @sockets) = @_;
  my %counts;
  my $waiting = IO::Select->new;
  for my $socket (@sockets) {
    if (defined syswrite($socket, $text)) { $waiting->add($socket) }
    else { $counts{reason()}++ }
  }
  while ($waiting->count) {
    my @ready = $waiting->can_read(PATIENCE) or last;
    for my $socket (@ready) {
      $waiting->remove($socket);
      my $length = sysread($socket, my $answer, LONGEST);
      my ($name) = $length ? $answer =~ /^(\S+) \Q$text\E$/ : ();
      $counts{$name // (defined $length ? $length ? "wrong: $answer" : 'closed' : reason())}++;
    }
  }
  $counts{nothing} = $waiting->count if $waiting->count;
  return \%counts;
}

sub reason {
  my ($name) = grep { $!{$_} } qw(ECONNRESET EPIPE ECONNREFUSED ETIMEDOUT ECONNABORTED ENOTCONN);
  return $name // "$!";
}

sub json {
  my ($counts) = @_;
  return '{' . join(',', map { qq("$_":$counts->{$_}) } sort keys %$counts) . '}';
}
